"""What runs torch: verify, weights, export, bench."""
