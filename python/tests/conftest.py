"""Small models of random weights, made from what the other tests have."""

import pathlib

import pytest

import heed

TESTS = pathlib.Path(__file__).parents[2] / "tests"
GOLDENS = TESTS / "models/goldens"
DIRECTORIES = TESTS / "convert/goldens"


@pytest.fixture(scope="session")
def goldens():
    return GOLDENS


@pytest.fixture(scope="session")
def llama():
    return heed.load(GOLDENS / "tiny-llama.gguf", threads=1)


@pytest.fixture(scope="session")
def bert():
    return heed.load(GOLDENS / "tiny-bert.gguf", threads=1)


@pytest.fixture(scope="session")
def chat_path(tmp_path_factory):
    """A llama with a chat template."""
    path = tmp_path_factory.mktemp("models") / "chat.gguf"
    heed.convert(DIRECTORIES / "tiny-llama", path, type="f32", record=False)
    return path


@pytest.fixture(scope="session")
def chat(chat_path):
    return heed.load(chat_path, threads=1)


@pytest.fixture(scope="session")
def marian(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "marian.gguf"
    heed.convert(DIRECTORIES / "tiny-marian", path, type="f32")
    return heed.load(path, threads=1)
