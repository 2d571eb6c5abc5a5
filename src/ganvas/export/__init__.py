"""A trained generator for others: as ONNX, as a page for the browser, as a folder for the Hub."""
