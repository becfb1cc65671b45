"""What every room stands on: paths, errors, keys and certificates, rendering, logging, units."""
