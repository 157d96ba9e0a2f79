"""Events of a lab: changes and who made them, drift, routes, replicas, drops, links, and reports that were lost."""
