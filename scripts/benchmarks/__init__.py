"""The performance budget, measured as ratios within one run. Each benchmark has its targets (`Target`)."""
