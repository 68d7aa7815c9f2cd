"""A small document with every defect that the real ones have, and what is made of it."""
