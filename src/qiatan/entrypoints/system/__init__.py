"""Looking at the installation itself: metrics for machines, the health page for people, the counters that are compared at night."""
