"""ganvas: from a folder of labelled pictures to a measured, class-conditional image generator."""

__version__ = "0.1.0"
