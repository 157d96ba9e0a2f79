"""From a design to a lab: names, a topology that loads, probes, expectations, and what nobody can know."""
