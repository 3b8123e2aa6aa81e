// SPDX-License-Identifier: MIT
// Table: rows of text in aligned columns.
#pragma once

#include <string>
#include <vector>

namespace vmfleet::cli {

/// Columns as wide as their widest cell, two spaces apart; an empty cell is shown as `-`, and
/// nothing follows the last cell of a row. Guest and user text in cells is sanitised.
std::string format_table(const std::vector<std::string>& titles,
                         const std::vector<std::vector<std::string>>& rows);

}  // namespace vmfleet::cli
