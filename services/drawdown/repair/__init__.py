"""Repair: dead letters and rejections found again, and sent again where that helps."""
