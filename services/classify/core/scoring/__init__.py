"""How good a reading is: gold, judgements, counts."""
