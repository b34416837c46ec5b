"""How well the detectors do on labelled text, beside other tools."""
