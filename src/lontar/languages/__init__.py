"""Languages: one YAML file each; whatever depends on a language asks `Language`.

Files are found in this folder, in the folders of packages that the entry point group `lontar.languages` names, and in
`$LONTAR_HOME/languages`. A user's file with the code of a built-in language replaces it.
"""

from lontar.languages.find import all_languages, digests, get, load, pipeline, refresh
from lontar.languages.language import AnswerTags, Language

__all__ = ["AnswerTags", "Language", "all_languages", "digests", "get", "load", "pipeline", "refresh"]
