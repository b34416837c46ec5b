"""A whole year of one organisation's mail, written before it was first read by the product."""
