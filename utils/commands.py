"""The program `datalab`: what `make` calls. `datalab --help` lists the commands."""

import sys
from pathlib import Path
from typing import Annotated

import typer

# The modules that do the work are imported inside each command: `datalab --help` should not wait for them.
app = typer.Typer(no_args_is_help=True, help="Commands of the DataLab workbook series on responsible AI.")
data = typer.Typer(no_args_is_help=True, help="The embedded data files, and what can be downloaded.")
app.add_typer(data, name="data")

try:  # the student edition comes without the instructor's part
    from grading.commands import app as grading_app
except ModuleNotFoundError as missing:
    if missing.name != "grading.commands":
        raise
else:
    app.add_typer(grading_app)


@data.command()
def check():
    """Say whether every embedded data file is whole."""
    from utils.datasets._registry import DataError, data_problems, registry

    problems = data_problems()
    if problems:
        raise DataError("\n".join(problems) + "\nRestore with: make lab does it, or `datalab data restore`.")
    files = sum(len(dataset["files"]) for dataset in registry().values())
    print(f"The embedded data is whole: {files} files.")


@data.command()
def restore():
    """Bring missing and damaged data files back, from git or by building them again."""
    from utils.datasets._registry import restore

    restored = restore()
    print(f"Restored: {', '.join(restored)}." if restored else "Nothing to restore: every data file is whole.")


@data.command()
def unpack():
    """Unpack the handwritten numbers, for programs that read MNIST's own files."""
    from utils.datasets._handwritten_numbers import unpack

    unpack()


@data.command("kept")
def kept_results(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it; it will be computed again.")] = False,
):
    """List the results that are kept (trained models, drawn scenes), or remove them."""
    from utils import kept

    if clear:
        print(f"Removed {kept.clear():,} results from {kept.folder()}.")
        return
    entries = kept.entries()
    for what, rows in entries.groupby("what"):
        print(
            f"{what:<26} {len(rows):5,} results {rows['bytes'].sum() / 1e6:8.1f} MB   "
            f"last used {rows['used'].max():%Y-%m-%d %H:%M} UTC"
        )
    total = f"{len(entries):,} results, {entries['bytes'].sum() / 1e6:.1f} MB, are kept in {kept.folder()}."
    print(f"{total} Remove them with: datalab data kept --clear")


@data.command("open-images")
def open_images(
    classes: Annotated[
        list[str] | None, typer.Option(help="Display names, such as Guitar,Ball; one alone is set against its absence.")
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="train, validation or test.")] = None,
    limit: Annotated[int, typer.Option(help="Pictures in each split.")] = 1000,
    people: Annotated[
        bool,
        typer.Option("--people/--anyone", help="Only pictures with perceived attributes of people (MIAP), or any."),
    ] = True,
    by: Annotated[list[str] | None, typer.Option(help="Strata besides the class: gender, age or gender,age.")] = None,
    allocation: Annotated[
        str, typer.Option(help="proportional: strata keep their shares; equal: the same number of each.")
    ] = "proportional",
    seed: Annotated[int, typer.Option(help="Of the random choice.")] = 0,
    side: Annotated[int, typer.Option(help="Pixels of the stored squares.")] = 96,
    to: Annotated[
        Path | None, typer.Option(help="Folder of the download; default datasets/.cache/open_images.")
    ] = None,
    image_list: Annotated[
        Path | None, typer.Option("--list", help="Take the pictures of this list, split/ImageID a line.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Pictures fetched at once.")] = 8,
    annotations_url: Annotated[str | None, typer.Option(help="Another mirror: an address or a folder.")] = None,
    images_url: Annotated[str | None, typer.Option(help="Another mirror: an address or a folder.")] = None,
):
    """Choose pictures of Open Images by class and perceived attribute, and download them.

    Several --classes, --split or --by are separated by commas. After a break, the same command goes on where it was.
    """
    from utils.datasets._open_images import default_folder, download

    def several(given: list[str] | None, default: str = "") -> list[str]:
        return [name.strip() for part in given or [default] for name in part.split(",") if name.strip()]

    to = to or default_folder()
    counts = download(
        to,
        classes=several(classes),
        splits=several(split, "validation"),
        limit=limit,
        people=people,
        seed=seed,
        side=side,
        by=several(by, "gender"),
        allocation=allocation,
        image_list=image_list,
        annotations_url=annotations_url,
        images_url=images_url,
        threads=threads,
    )
    print(counts.to_string(index=False))
    print(f"{counts['pictures'].sum():,} pictures are in {to}. Load them with load_open_images({str(to)!r}).")
    if counts["dead"].sum():
        print(f"{counts['dead'].sum():,} could not be had; *_dead.csv in that folder says which, and why.")


@app.command()
def glossary():
    """Make the glossary's entries on metrics from the docstrings."""
    from utils.glossary import write

    write()


@app.command()
def work(
    release: Annotated[Path, typer.Argument(help="Where the notebooks come from.")] = Path("course/release"),
    to: Annotated[Path, typer.Argument(help="Where the student works.")] = Path("work"),
):
    """Copy new notebooks to work/; what you edited is never overwritten."""
    from utils.work_copies import hand_out

    for sentence in hand_out(release, to):
        print(sentence)


@app.command()
def run(
    folders: Annotated[list[Path], typer.Argument(help="Folders of notebooks, such as solutions/lab0_start_here.")],
    to: Annotated[Path, typer.Option(help="Where the executed copies and HTML pages go.")] = Path("build"),
):
    """Execute every notebook of some folders; one line each: name, seconds, cells."""
    from utils.headless import NotebookError, execute

    for folder in folders:
        notebooks = sorted(folder.glob("*.ipynb"))
        if not notebooks:
            raise NotebookError(f"There is no notebook in {folder}. Choose a folder that has some.")
        for path in notebooks:
            execution = execute(path, to / folder.name)
            still_open = f"  {execution.unanswered} without an answer yet" if execution.unanswered else ""
            print(f"{execution.name:<50} {execution.seconds:6.1f} s {execution.cells:4d} cells{still_open}", flush=True)


@app.command("check")
def check_notebooks(
    lab: Annotated[str, typer.Argument(help="The lab to check, such as lab1_handwritten_numbers.")],
    work: Annotated[Path, typer.Option(help="Where your notebooks are.")] = Path("work"),
):
    """Say what stands in the way of handing in: runs your notebooks from the top, as the grader does."""
    from grading.check import check

    raise typer.Exit(0 if check(lab, work) else 1)


def main():
    """Start `datalab`. A problem the reader can solve is printed as its sentence; a bug keeps its traceback."""
    try:
        app()
    except Exception as problem:
        kinds = {kind.__name__ for kind in type(problem).__mro__}
        if not kinds & {"DataError", "GradingError", "NotebookError"}:
            raise
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
