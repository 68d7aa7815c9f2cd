"""What the generated bindings stand on: requests, the JSON codec and their vocabulary. Internal; only attrs, no I/O."""
