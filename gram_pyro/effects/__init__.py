"""Effect handlers, one a file, that change what runs without a word in model or guide."""
