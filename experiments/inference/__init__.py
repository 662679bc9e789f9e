"""Statistics of paths, with weights where paths have them: figures, intervals, paired differences."""
