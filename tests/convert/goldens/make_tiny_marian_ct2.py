#!/usr/bin/env python3
"""tiny-marian as CTranslate2 saves it, for tests/convert/ctranslate2_test.cpp: model.bin in F32 and,
as model-int8.bin, in 8 bits. Its source.spm and target.spm are those of tiny-marian.

Needs ctranslate2, transformers, torch and sentencepiece.
"""

import pathlib
import shutil
import tempfile

from ctranslate2.converters import TransformersConverter

HERE = pathlib.Path(__file__).parent
OUT = HERE / "tiny-marian-ct2"

OUT.mkdir(exist_ok=True)
for quantization, name in (("float32", "model.bin"), ("int8", "model-int8.bin")):
    with tempfile.TemporaryDirectory() as directory:
        converter = TransformersConverter(str(HERE / "tiny-marian"))
        converter.convert(directory, quantization=quantization, force=True)
        made = pathlib.Path(directory)
        shutil.copyfile(made / "model.bin", OUT / name)
        for file in ("config.json", "shared_vocabulary.json"):
            shutil.copyfile(made / file, OUT / file)
