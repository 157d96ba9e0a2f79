"""One package or module for each form of designs. Each returns a `design.Design`."""
