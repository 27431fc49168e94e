"""Writes every_type.gguf with the PyPI package gguf (0.19): an independent witness for our reader.

    pip install gguf && python3 make_gguf.py
"""
import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize

writer = GGUFWriter("every_type.gguf", "llama")
writer.add_uint8("a.u8", 200)
writer.add_int8("a.i8", -100)
writer.add_uint16("a.u16", 60000)
writer.add_int16("a.i16", -30000)
writer.add_uint32("a.u32", 4000000000)
writer.add_int32("a.i32", -2000000000)
writer.add_float32("a.f32", 1.5)
writer.add_uint64("a.u64", 2**63)
writer.add_int64("a.i64", -(2**62))
writer.add_float64("a.f64", 1e300)
writer.add_bool("a.bool", True)
writer.add_string("a.string", "naïve 🦙")
writer.add_array("a.strings", ["", "Ġthe", "\n"])
writer.add_array("a.ints", [1, -2, 3])
writer.add_array("a.floats", [0.5, -0.25])
writer.add_array("a.bools", [True, False, True])

values = (np.arange(3 * 64, dtype=np.float32) - 96) / 8
matrix = values.reshape(3, 64)
writer.add_tensor("f32", matrix)
writer.add_tensor("f16", matrix.astype(np.float16))
writer.add_tensor("q8_0", quantize(matrix, GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0)
writer.add_tensor("i32", np.arange(24, dtype=np.int32).reshape(2, 3, 4))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
