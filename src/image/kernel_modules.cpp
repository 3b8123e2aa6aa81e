// SPDX-License-Identifier: MIT
// Reading .modinfo and ordering modules by their dependencies.
#include <image/kernel_modules.hpp>

#include <algorithm>

#include <vmfleet/base/text.hpp>

#include <image/elf.hpp>

namespace vmfleet::image {
namespace {

std::string with_underscores(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

/// Depth-first: a module is done after all that it depends on.
class Ordering {
 public:
  explicit Ordering(const ModuleInfos& modules) : modules_(modules) {}

  void add(const std::string& name) {
    if (states_[name] == State::done) return;
    if (states_[name] == State::open) {
      throw Error(ErrorKind::corrupt, "kernel module " + name + " depends on itself");
    }
    const auto found = modules_.find(name);
    if (found == modules_.end()) {
      throw Error(ErrorKind::not_found, "kernel module " + name + " is missing");
    }
    states_[name] = State::open;
    for (const std::string& other : found->second.depends) add(other);
    states_[name] = State::done;
    order_.push_back(name);
  }
  std::vector<std::string> take() { return std::move(order_); }

 private:
  enum class State { unknown, open, done };
  const ModuleInfos& modules_;
  std::map<std::string, State> states_;
  std::vector<std::string> order_;
};

}  // namespace

std::string module_name(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  const auto suffix = file.find(".ko");
  if (suffix == std::string_view::npos) return {};
  const std::string_view rest = file.substr(suffix);
  if (rest != ".ko" && rest != ".ko.xz" && rest != ".ko.zst" && rest != ".ko.gz") return {};
  return with_underscores(file.substr(0, suffix));
}

Result<ModuleInfo> read_module_info(std::string_view elf) {
  const auto file = ElfFile::parse(elf);
  if (!file) return file.error();
  const auto text = file->section(".modinfo");
  if (!text) return Error(ErrorKind::corrupt, "the kernel module has no .modinfo section");
  ModuleInfo info;
  for (const std::string_view line : split(*text, '\0')) {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view value = line.substr(equals + 1);
    if (line.substr(0, equals) == "alias") info.aliases.emplace_back(value);
    if (line.substr(0, equals) != "depends" || value.empty()) continue;
    for (const std::string_view name : split(value, ',')) {
      info.depends.push_back(with_underscores(name));
    }
  }
  return info;
}

Result<std::vector<std::string>> load_order(const ModuleInfos& modules,
                                            const std::vector<std::string>& roots) {
  try {
    Ordering ordering(modules);
    for (const std::string& name : roots) ordering.add(name);
    return ordering.take();
  } catch (const Error& error) {
    return error;
  }
}

Result<std::string> modules_dep(const ModuleInfos& modules) {
  std::string text;
  for (const auto& [name, info] : modules) {
    auto order = load_order(modules, {name});
    if (!order) return order.error();
    text += name + ".ko:";
    // modprobe loads what a line lists from its end to its beginning.
    for (auto it = order->rbegin() + 1; it != order->rend(); ++it) text += " " + *it + ".ko";
    text += '\n';
  }
  return text;
}

std::string modules_alias(const ModuleInfos& modules) {
  std::string text;
  for (const auto& [name, info] : modules) {
    for (const std::string& alias : info.aliases)
      text.append("alias ").append(alias).append(" ").append(name).append("\n");
  }
  return text;
}

}  // namespace vmfleet::image
