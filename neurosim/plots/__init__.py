"""Pictures of result files: functions of an open file and an Axes, and figures composed of them.

Only Matplotlib's object interface is used: no display is needed, and the settings of the caller stay as they are.
"""
