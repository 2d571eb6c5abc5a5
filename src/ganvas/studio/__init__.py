"""The studio: runs, a training as it learns, and images of any class, in a browser on this machine."""
