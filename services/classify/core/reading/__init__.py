"""Reading an article: from its text to what it says happened. `pipeline.py` lists the stages in order."""
