#include "engine/layers/feed_forward.h"

namespace heed {

Params params(const FeedForward& ffn, const Dims& dims) {
  Params list = {{ffn.name + "_up.weight", {ffn.width, dims.width}},
                 {ffn.name + "_down.weight", {dims.width, ffn.width}},
                 {ffn.name + "_up.bias", {ffn.width}, ffn.bias},
                 {ffn.name + "_down.bias", {dims.width}, ffn.bias}};
  if (ffn.gated) {
    list.push_back({ffn.name + "_gate.weight", {ffn.width, dims.width}});
    list.push_back({ffn.name + "_gate.bias", {ffn.width}, ffn.bias});
  }
  return list;
}

}  // namespace heed
