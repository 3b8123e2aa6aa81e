// SPDX-License-Identifier: MIT
// The task tree: every unfinished task under the one that waits for it.
#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "async/loop_core.hpp"

namespace vmfleet {

namespace detail {

class TaskTree {
 public:
  explicit TaskTree(LoopCore& core) {
    core.for_each_live([&](PromiseBase& task) { children_[task.parent_].push_back(&task); });
  }

  std::string draw() {
    draw_children(nullptr, 0);
    return std::move(text_);
  }

 private:
  void draw_children(const PromiseBase* parent, std::size_t depth) {
    const auto found = children_.find(parent);
    if (found == children_.end()) return;
    for (const PromiseBase* task : found->second) {
      const std::string_view file(task->file_);
      const std::string_view name(task->name_);
      text_ += fmt::format("{:{}}{} at {}:{}", "", depth * 2,
                           name.substr(0, name.find('<')),  // template arguments would fill a page
                           file.substr(file.find_last_of('/') + 1),
                           task->awaiting_line_ > 0 ? task->awaiting_line_ : task->line_);
      if (task->leaf_ != nullptr) text_ += fmt::format(" waits for {}", task->leaf_->description());
      text_ += '\n';
      draw_children(task, depth + 1);
    }
  }

  std::map<const PromiseBase*, std::vector<const PromiseBase*>> children_;
  std::string text_;
};

}  // namespace detail

std::string Loop::task_tree() const {
  return detail::TaskTree(*core_).draw();
}

}  // namespace vmfleet
