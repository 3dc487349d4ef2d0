"""Compare the metrics of revisions. Used by hand; not a DVC stage."""
