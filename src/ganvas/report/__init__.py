"""Reports: logs read and thinned, charts, and pages rendered from markdown."""
