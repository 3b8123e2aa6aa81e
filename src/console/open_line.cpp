// SPDX-License-Identifier: MIT
// OpenLine: places are stored only where the stream and the line part.
#include "console/open_line.hpp"

#include <algorithm>

namespace vmfleet::console {

void OpenLine::end_at(std::uint64_t offset) noexcept {
  if (length() == 0) offset_ = offset;
}

void OpenLine::return_to(std::size_t length) {
  const std::size_t size = length - std::min(length, forgotten_);
  text_.resize(size);
  while (!runs_.empty() && runs_.back().index >= size) runs_.pop_back();
  next_ = end_of(size);
}

void OpenLine::keep_last(std::size_t size) {
  const std::size_t dropped = text_.size() - size;
  if (dropped == 0) return;
  const std::uint64_t first = end_of(dropped + 1) - 1;
  text_.erase(0, dropped);
  std::vector<Run> kept{{0, first}};
  for (const auto& run : runs_) {
    if (run.index > dropped) kept.push_back({run.index - dropped, run.offset});
  }
  runs_ = std::move(kept);
  forgotten_ += dropped;
}

void OpenLine::clear() noexcept {
  text_.clear();
  runs_.clear();
  forgotten_ = 0;
}

std::uint64_t OpenLine::end_of(std::size_t size) const noexcept {
  if (runs_.empty()) return offset_;
  if (size == 0) return runs_.front().offset;
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), size - 1,
                       [](std::size_t index, const Run& run) { return index < run.index; });
  const Run& run = *(after - 1);
  return run.offset + (size - run.index);
}

}  // namespace vmfleet::console
