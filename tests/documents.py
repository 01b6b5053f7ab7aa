"""The shape that the JSON must have."""

import importlib.resources
import json


def schema() -> dict:
    text = importlib.resources.files("vemoclap").joinpath("analysis.schema.json").read_text("utf-8")
    return json.loads(text)
