"""The emotion of a video over time: by utterance, or by a window that slides over it."""
