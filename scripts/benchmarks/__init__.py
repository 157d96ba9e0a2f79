"""The performance budget (DESIGN section 6), measured as ratios within one run."""
