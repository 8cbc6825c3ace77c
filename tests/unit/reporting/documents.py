"""Reading the page as a browser would: elements with their attributes, and the text between them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link"}
_SVG_LEAVES = {"path", "rect", "circle"}
_INLINE = {"a", "b", "bdi", "code", "span"}


@dataclass
class Element:
    """An element; its text is in `Document.text`."""

    tag: str
    attributes: dict[str, str]


@dataclass
class Document:
    """All elements in order, and the text without that of the style sheet."""

    elements: list[Element] = field(default_factory=list)
    text: str = ""
    style: str = ""

    def all(self, tag: str) -> list[Element]:
        """The elements of one name."""
        return [element for element in self.elements if element.tag == tag]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.document.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _SVG_LEAVES, tag
        self.document.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.document.text += "" if tag in _INLINE else " "

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.document.style += data
        else:
            self.document.text += data


def parsed(html: str) -> Document:
    """The document; every element that is opened is closed, in order."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    parser.document.text = " ".join(parser.document.text.split())
    return parser.document
