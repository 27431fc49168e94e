// From a pickle's values to tensors: see torch_file.h.
#include "engine/format/torch_file.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "engine/format/pickle.h"
#include "engine/format/zip_archive.h"

namespace heed {
namespace {

constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";

struct StorageType {
  std::string_view name;
  std::string_view dtype;
  DType type;  // of the same size, where it is not held
  bool held;
};

constexpr std::array kStorageTypes = {
    StorageType{"torch.FloatStorage", "float32", DType::f32, true},
    StorageType{"torch.HalfStorage", "float16", DType::f16, true},
    StorageType{"torch.BFloat16Storage", "bfloat16", DType::bf16, true},
    StorageType{"torch.DoubleStorage", "float64", DType::f64, true},
    StorageType{"torch.LongStorage", "int64", DType::i64, true},
    StorageType{"torch.IntStorage", "int32", DType::i32, true},
    StorageType{"torch.ShortStorage", "int16", DType::i16, true},
    StorageType{"torch.CharStorage", "int8", DType::i8, true},
    StorageType{"torch.ByteStorage", "uint8", DType::i8, false},
    StorageType{"torch.BoolStorage", "bool", DType::i8, false},
};

/// All names that the pickle of a state dict mentions.
constexpr auto kGlobals = [] {
  std::array<std::string_view, kStorageTypes.size() + 2> names = {kTensor, kParameter};
  std::ranges::transform(kStorageTypes, names.begin() + 2, &StorageType::name);
  return names;
}();

using Arguments = std::span<const Pickle::Ref>;

/// Makes views of the tensors of one dict.
class StateDictReader {
 public:
  StateDictReader(const std::string& file, const ZipArchive& archive, const std::string& folder,
                  const Pickle& pickle)
      : file_(file), archive_(archive), folder_(folder), pickle_(pickle) {}

  void read(TensorTable& tensors) {
    const Pickle::Dict& dict = state_dict();
    bool found = false;
    for (const auto& [key, value] : dict.items) {
      if (!pickle_.find<Pickle::Call>(value)) continue;
      found = true;
      read_tensor(key, value, tensors);
    }
    if (!found) {
      fail(Error::Code::format, file_,
           ": expected a dict of tensors, alone or as its 'state_dict' or 'model'; found a dict "
           "without a tensor");
    }
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(Error::Code::format, file_, ": tensor '", name_, "': ", parts...);
  }

  const Pickle::Dict& state_dict() const {
    const auto* root = std::get_if<Pickle::Dict>(&pickle_.root());
    if (!root) {
      fail(Error::Code::format, file_, ": expected a dict of tensors, found ",
           kind_of(pickle_.root()));
    }
    for (const auto& [key, value] : root->items) {
      const auto* name = pickle_.find<std::string_view>(key);
      const auto* inner = pickle_.find<Pickle::Dict>(value);
      if (name && inner && (*name == "state_dict" || *name == "model")) return *inner;
    }
    return *root;
  }

  void read_tensor(Pickle::Ref key, Pickle::Ref value, TensorTable& tensors) {
    const auto* name = pickle_.find<std::string_view>(key);
    if (!name) {
      fail(Error::Code::format, file_, ": expected strings as names of tensors, found ",
           kind_of(pickle_[key]));
    }
    if (const auto problem = name_problem(*name)) {
      fail(Error::Code::format, file_, ": a tensor's name: ", *problem);
    }
    name_ = *name;
    const auto* call = pickle_.find<Pickle::Call>(value);
    if (call->function == kParameter) {  // (tensor, requires_grad, hooks)
      call = &as<Pickle::Call>(arguments(*call, 3, 3)[0], "a tensor");
    }
    if (call->function != kTensor) refuse("expected a tensor, found ", kind_of(*call));
    // (storage, offset, size, stride, requires_grad, hooks[, metadata])
    add_tensor(arguments(*call, 6, 7), tensors);
  }

  void add_tensor(Arguments tensor, TensorTable& tensors) const {
    const auto [type, storage] = read_storage(as<Pickle::PersistentId>(tensor[0], "a storage").id);
    const int64_t offset = natural(tensor[1], "offset");
    const Shape shape = numbers(tensor[2], "size");
    const auto bytes = checked_bytes(type->type, shape);
    if (!bytes) refuse("the shape ", to_string(shape), " exceeds 63 bits");
    check_contiguous(shape, numbers(tensor[3], "stride"));
    const int64_t width = info(type->type).bytes;
    const auto room = static_cast<int64_t>(storage.size());
    if (offset > room / width || *bytes > room - offset * width) {
      refuse("expected ", *bytes, " bytes for ", type->dtype, " ", to_string(shape), " from value ",
             offset, " of its storage on, found a storage of ", room, " bytes");
    }
    const auto data =
        storage.subspan(static_cast<size_t>(offset * width), static_cast<size_t>(*bytes));
    const bool is_new = type->held ? tensors.add({name_, type->type, shape, data})
                                   : tensors.leave_out(name_, type->dtype);
    if (!is_new) refuse("is there twice");
  }

  struct Storage {
    const StorageType* type;
    std::span<const std::byte> bytes;
  };

  /// ('storage', type, key, location, values)
  Storage read_storage(Pickle::Ref id) const {
    const Arguments fields = as<Pickle::Tuple>(id, "a tuple for its storage").items;
    if (fields.size() != 5) refuse("expected 5 fields of its storage, found ", fields.size());
    if (as<std::string_view>(fields[0], "a string") != "storage") {
      refuse("expected a persistent id of a 'storage'");
    }
    const auto global = as<Pickle::Global>(fields[1], "the type of its storage").name;
    const auto type = std::ranges::find(kStorageTypes, global, &StorageType::name);
    if (type == kStorageTypes.end()) refuse("expected the type of its storage, found ", global);
    const auto key = as<std::string_view>(fields[2], "the key of its storage");
    constexpr size_t kMaxKeyBytes = 64;  // they are numbers
    const auto* entry =
        key.size() <= kMaxKeyBytes ? archive_.find(cat(folder_, "data/", key)) : nullptr;
    if (!entry) refuse("its storage ", to_text(std::string(key)), " is missing");
    const auto count = checked_bytes(type->type, {natural(fields[4], "length of its storage")});
    if (!count || static_cast<uint64_t>(*count) != entry->data.size()) {
      refuse("expected a storage of ", natural(fields[4], ""), " ", type->dtype, " values, found ",
             entry->data.size(), " bytes: the file is damaged");
    }
    return {&*type, entry->data};
  }

  void check_contiguous(const Shape& shape, const Shape& stride) const {
    if (stride.size() != shape.size()) {
      refuse("has ", shape.size(), " dimensions and ", stride.size(), " strides");
    }
    if (element_count(shape) == 0) return;
    int64_t expected = 1;
    for (size_t i = shape.size(); i-- > 0; expected *= shape[i]) {
      if (shape[i] == 1 || stride[i] == expected) continue;
      fail(Error::Code::unsupported, file_, ": tensor '", name_,
           "': is not contiguous: ", to_string(shape), " with strides ", to_string(stride),
           "; save the model again with tensor.contiguous()");
    }
  }

  // ---- values of the pickle

  template <typename T>
  const T& as(Pickle::Ref ref, std::string_view what) const {
    if (const T* value = pickle_.find<T>(ref)) return *value;
    refuse("expected ", what, ", found ", kind_of(pickle_[ref]));
  }

  Arguments arguments(const Pickle::Call& call, size_t least, size_t most) const {
    const Arguments values = pickle_.find<Pickle::Tuple>(call.arguments)->items;
    if (values.size() >= least && values.size() <= most) return values;
    refuse("expected ", least, " to ", most, " arguments of '", call.function, "', found ",
           values.size());
  }

  int64_t natural(Pickle::Ref ref, std::string_view what) const {
    const auto value = as<int64_t>(ref, what);
    if (value < 0) refuse("expected 0 or more as ", what, ", found ", value);
    return value;
  }

  Shape numbers(Pickle::Ref ref, std::string_view what) const {
    const Arguments values = as<Pickle::Tuple>(ref, what).items;
    if (values.size() > kMaxCheckpointDimensions) {
      refuse("expected at most ", kMaxCheckpointDimensions, " dimensions, found ", values.size());
    }
    Shape result;
    for (const Pickle::Ref value : values) result.push_back(natural(value, what));
    return result;
  }

  const std::string& file_;
  const ZipArchive& archive_;
  const std::string& folder_;
  const Pickle& pickle_;
  std::string name_;  // of the tensor that is being read
};

std::string_view text_of_bytes(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Before 1.6 torch.save wrote pickles one after another, of which the first begins so.
void check_age(std::span<const std::byte> bytes, const std::string& file) {
  if (!text_of_bytes(bytes).starts_with("\x80")) return;
  fail(Error::Code::unsupported, file,
       ": was saved by a torch before 1.6, or without its zip format: load it with a newer torch "
       "and save it again, or convert it to safetensors");
}

void check_byte_order(const ZipArchive& archive, const std::string& folder,
                      const std::string& file) {
  const ZipArchive::Entry* order = archive.find(folder + "byteorder");  // torch 2.0 and later
  if (!order || text_of_bytes(order->data) == "little") return;
  fail(Error::Code::unsupported, file, ": expected little-endian values, found byteorder ",
       to_text(std::string(text_of_bytes(order->data))));
}

}  // namespace

void read_torch_file(std::span<const std::byte> bytes, const std::string& file,
                     TensorTable& tensors) {
  check_age(bytes, file);
  const ZipArchive archive = ZipArchive::parse(bytes, file);
  // All entries lie in one folder, which is called as the file was when it was saved.
  const std::string_view first =
      archive.entries().empty() ? std::string_view() : archive.entries()[0].name;
  const std::string folder(first.substr(0, first.find('/') + 1));
  check_byte_order(archive, folder, file);
  const ZipArchive::Entry* entry = archive.find(folder + "data.pkl");
  if (!entry) {
    fail(Error::Code::format, file, ": expected a file of torch.save, found a zip archive without ",
         to_text(folder + "data.pkl"));
  }
  const Pickle pickle = Pickle::parse(entry->data, file, kGlobals);
  StateDictReader(file, archive, folder, pickle).read(tensors);
}

}  // namespace heed
