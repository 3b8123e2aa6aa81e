// SPDX-License-Identifier: MIT
// Aligned columns.
#include "cli/table.hpp"

#include <algorithm>

#include <vmfleet/base/text.hpp>

#include "cli/columns.hpp"

namespace vmfleet::cli {

std::string format_table(const std::vector<std::string>& titles,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> cells;
  cells.push_back(titles);
  for (const auto& row : rows) {
    auto& line = cells.emplace_back();
    for (const auto& cell : row) line.push_back(cell.empty() ? "-" : sanitize(cell));
  }
  std::vector<std::size_t> widths(titles.size(), 0);
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(line[i]));
    }
  }
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) text.append(widths[i] - display_width(line[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace vmfleet::cli
