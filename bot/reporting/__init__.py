"""What is written down for readers: the checklist, the incident report, the day's report. The same entries always give
the same bytes.
"""
