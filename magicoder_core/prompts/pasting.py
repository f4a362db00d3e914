"""Which values a template only pastes: their text can be put in later, without rendering the template anew."""

from __future__ import annotations

from jinja2 import nodes

# What may carry a value where this module does not follow it.
_OPAQUE = (
    nodes.CallBlock,
    nodes.Extends,
    nodes.FilterBlock,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.AssignBlock,
    nodes.ScopedEvalContextModifier,
)


def pasted(tree: nodes.Template) -> frozenset[str]:
    """Names of values that stand alone in ``{{ name }}``, also within a macro that they are given to.

    A name that the template tests, changes or hands on otherwise is none of them.
    """
    defined = list(tree.find_all(nodes.Macro))
    macros = {macro.name: [argument.name for argument in macro.args] for macro in defined}
    if any(tree.find(kind) for kind in _OPAQUE) or len(macros) < len(defined):
        return frozenset()
    shown = _shown(tree, macros)
    loaded = [name for name in tree.find_all(nodes.Name) if name.ctx == "load"]
    looked_into = {name.name for name in loaded if id(name) not in shown}
    handed_on = [(shown[id(name)], name.name) for name in loaded if id(name) in shown]
    # What a macro does with its parameter is done to the value that it is given.
    while more := {name for parameter, name in handed_on if parameter in looked_into} - looked_into:
        looked_into |= more
    set_here = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"} - _parameters(macros)
    return frozenset(name.name for name in loaded) - looked_into - set_here


def _parameters(macros: dict[str, list[str]]) -> set[str]:
    return {name for names in macros.values() for name in names}


def _shown(tree: nodes.Template, macros: dict[str, list[str]]) -> dict[int, str]:
    """The nodes of names that are put out as they are, each with the macro's parameter that it becomes, if any."""
    shown: dict[int, str] = {}
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if isinstance(node, nodes.Name):
                shown[id(node)] = ""
            elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in macros:
                names = macros[node.node.name]
                if node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > len(names):
                    continue
                shown[id(node.node)] = ""
                shown |= {
                    id(argument): name
                    for argument, name in zip(node.args, names, strict=False)
                    if isinstance(argument, nodes.Name)
                }
    return shown
