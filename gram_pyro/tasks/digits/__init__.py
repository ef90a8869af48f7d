"""Binarised images of digits from nothing."""
