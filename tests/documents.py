"""The shapes that the JSON must have, as they are checked in."""

import importlib.resources
import json


def schema(name: str = "analysis") -> dict:
    place = importlib.resources.files("vemoclap.report").joinpath(f"{name}.schema.json")
    return json.loads(place.read_text("utf-8"))
