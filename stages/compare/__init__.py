"""Compare what revisions measured: used by hand, no DVC stage."""
