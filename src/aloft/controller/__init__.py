"""What a region's controller consists of, and how it is built, checked and torn down."""
