"""What README and pages say in numbers, and where each number comes from: a module a page.

`CLAIMS` has fragments of the page and the numbers in them, in their order, read from stored results or from the
publications. `SETTINGS` are decimals on the page that nobody measured: options, versions, thresholds.
"""
