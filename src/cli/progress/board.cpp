// SPDX-License-Identifier: MIT
// What the live display shows.
#include "cli/progress/board.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/columns.hpp"

namespace vmfleet::cli {

namespace {

bool at_rest(MachineState state) noexcept {
  return state != MachineState::starting && state != MachineState::booting &&
         state != MachineState::stopping;
}

// What deserves a line when not all have one.
int importance(const Board::Row& row) noexcept {
  if (row.state == MachineState::failed || row.state == MachineState::crashed) return 2;
  return at_rest(row.state) ? 0 : 1;
}

std::string summary(const Board& board, Milliseconds elapsed) {
  std::vector<std::pair<MachineState, std::size_t>> counts;
  for (const auto& row : board.rows()) {
    const auto same = std::find_if(counts.begin(), counts.end(),
                                   [&](const auto& count) { return count.first == row.state; });
    if (same == counts.end()) {
      counts.emplace_back(row.state, 1);
    } else {
      ++same->second;
    }
  }
  std::sort(counts.begin(), counts.end());
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) {
    parts.push_back(fmt::format("{} {}", count, to_string(state)));
  }
  if (!board.step().empty()) parts.push_back(board.step());
  parts.push_back(to_string(elapsed));
  return join(parts, " · ");
}

std::string draw_row(const Board::Row& row, Milliseconds elapsed, std::size_t name_width,
                     std::size_t columns, const Stream& style) {
  const Milliseconds time = at_rest(row.state) ? row.since : elapsed;
  const std::string name = fmt::format("  {:<{}}  ", row.name, name_width);
  const std::string state = fmt::format("{:<8}", to_string(row.state));
  const bool begun = row.state != MachineState::created;
  const std::string rest =
      fmt::format("  {:>10}  {}", begun ? to_string(time) : std::string(), row.detail);
  const std::string plain = fit_columns(name + state + rest, columns);
  if (display_width(plain) <= name.size() + state.size()) return plain;
  return name + style.paint(state, color_of(row.state)) + plain.substr(name.size() + state.size());
}

}  // namespace

std::string_view color_of(MachineState state) noexcept {
  switch (state) {
    case MachineState::ready:
    case MachineState::running:
      return kGreen;
    case MachineState::failed:
    case MachineState::crashed:
      return kRed;
    case MachineState::created:
    case MachineState::stopped:
      return kFaint;
    default:
      return kYellow;
  }
}

void Board::expect(const std::vector<std::string>& names) {
  for (const auto& name : names) rows_.emplace_back().name = name;
}

bool Board::apply(const ProgressEvent& event) {
  const std::string detail = sanitize(event.detail);
  if (event.machine.empty()) {
    const bool changed = step_ != detail;
    step_ = detail;
    return changed;
  }
  const auto known = std::find_if(rows_.begin(), rows_.end(),
                                  [&](const Row& row) { return row.name == event.machine; });
  const bool fresh = known == rows_.end();
  Row& row = fresh ? rows_.emplace_back() : *known;
  const bool changed = fresh || row.state != event.state;
  row.name = event.machine;
  row.state = event.state;
  if (changed) row.since = event.elapsed;
  if (detail == to_string(event.state)) {
    row.detail.clear();
  } else if (changed || !detail.empty()) {
    row.detail = detail;
  }
  return changed;
}

std::vector<std::string> draw(const Board& board, Milliseconds elapsed, TerminalSize size,
                              const Stream& style) {
  std::vector<std::string> lines;
  lines.push_back(fit_columns(summary(board, elapsed), size.columns));
  // One row stays free for the cursor.
  const std::size_t room = size.rows > 2 ? size.rows - 2 : 0;
  std::vector<const Board::Row*> shown;
  for (const auto& row : board.rows()) shown.push_back(&row);
  if (shown.size() > room) {
    std::stable_sort(shown.begin(), shown.end(),
                     [](const auto* a, const auto* b) { return importance(*a) > importance(*b); });
    shown.resize(room);
    while (!shown.empty() && importance(*shown.back()) == 0) shown.pop_back();
  }
  std::size_t name_width = 0;
  for (const auto* row : shown) name_width = std::max(name_width, row->name.size());
  for (const auto* row : shown) {
    lines.push_back(draw_row(*row, elapsed, name_width, size.columns, style));
  }
  return lines;
}

}  // namespace vmfleet::cli
