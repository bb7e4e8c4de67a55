#include "cpu/conv_product.h"

namespace deepnet {
inline namespace DEEPNET_ISA {

template <class T>
void write_box(const PatchProduct& p, const Box& box, int64_t channel, int64_t n, const T* from, int64_t ld) {
  const int64_t all_channels = p.groups * p.target_group, size = itemsize(p.dtype);
  const int64_t height = p.target_size[1], width = p.target_size[2];
  const auto to = [&](int64_t sample, int64_t d, int64_t h, int64_t w) {
    const int64_t at[3] = {d, h, w};
    int64_t cell[3];
    for (int a = 0; a < 3; ++a) cell[a] = p.axes[a].target_first + (box.begin[a] + at[a]) * p.axes[a].target_step;
    return static_cast<char*>(p.target) + (((box.sample + sample) * all_channels + channel) * p.target_cells +
                                           (cell[0] * height + cell[1]) * width + cell[2]) *
                                              size;
  };
  bool gaps = false;
  for (int a = 0; a < 3; ++a) gaps |= p.axes[a].target_step != 1;
  for (int64_t s = 0; s < box.samples; ++s) {
    if (!gaps) {
      // Boxes are cut along one axis only, so a sample's positions are neighbours.
      const int64_t cells = box.count[0] * box.count[1] * box.count[2];
      write_matrix(from, ld, cells, n, p.dtype, to(s, 0, 0, 0), 1, p.target_cells);
      from += cells * ld;
      continue;
    }
    for (int64_t d = 0; d < box.count[0]; ++d) {
      for (int64_t h = 0; h < box.count[1]; ++h) {
        write_matrix(from, ld, box.count[2], n, p.dtype, to(s, d, h, 0), p.axes[2].target_step, p.target_cells);
        from += box.count[2] * ld;
      }
    }
  }
}
template void write_box<float>(const PatchProduct&, const Box&, int64_t, int64_t, const float*, int64_t);
template void write_box<double>(const PatchProduct&, const Box&, int64_t, int64_t, const double*, int64_t);

}  // namespace DEEPNET_ISA
}  // namespace deepnet
