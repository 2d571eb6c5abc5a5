"""ganvas from Python and in notebooks: functions with the options of the commands, which call them; and their results.

`import ganvas` has all of it: `ganvas.prepare`, `ganvas.train`, `ganvas.load`, `ganvas.evaluate`.
"""
