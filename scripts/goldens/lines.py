"""JSON with a line for each golden case, so that a change shows where it is."""

import json


def lines(value, depth, default=None):
    """`value` as JSON, with a line for each entry of the tables and the lists of tables in its outer `depth` levels.

    Tensors and lists of numbers stay on one line.
    """
    is_tensor = isinstance(value, dict) and "values" in value
    of_tables = isinstance(value, list) and any(isinstance(entry, dict) for entry in value)
    if depth > 0 and of_tables:
        return "[\n" + ",\n".join(lines(entry, 0, default) for entry in value) + "\n]"
    if depth > 0 and isinstance(value, dict) and not is_tensor:
        entries = (f"{json.dumps(key)}: {lines(entry, depth - 1, default)}" for key, entry in value.items())
        return "{\n" + ",\n".join(entries) + "\n}"
    return json.dumps(value, separators=(", ", ": "), default=default)
