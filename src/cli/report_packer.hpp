// SPDX-License-Identifier: MIT
// ReportPacker: the parts of a bug report, each into the archive or into the list of problems.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <image/tar_gz.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>

#include "cli/context.hpp"
#include "cli/injected_texts.hpp"

namespace vmfleet::cli {

/// *Errors*: only those of writing. Blocking.
class ReportPacker {
 public:
  /// Everything is below `folder` in the archive.
  ReportPacker(int fd, std::string folder) : archive_(fd), folder_(std::move(folder)) {}

  /// Whatever is added later is without them.
  void learn_texts(const Context& context, const std::vector<std::string>& machines);

  void add_document(const std::string& name, const json::Value& document);
  void add_host(const Context& context);
  void add_fleet(const Context& context, const std::vector<std::string>& machines);
  /// `answers`: QEMU's, by question.
  void add_machine(const Context& context, const std::string& name, const json::Object& answers);
  /// A part that could not be had.
  void lacks(const std::string& name, const Error& error);
  void finish();

  [[nodiscard]] const std::vector<std::string>& entries() const noexcept { return entries_; }
  [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  template <class Make>
  void try_document(const std::string& name, Make make);
  void add(const std::string& name, std::string content);
  void add_record(const std::string& name, const std::filesystem::path& file);
  void add_end_of(const std::string& name, const std::filesystem::path& file);
  void add_command_line(const std::string& name, const std::filesystem::path& directory);

  image::TarGz archive_;
  std::string folder_;
  InjectedTexts texts_;
  std::optional<json::Object> fleet_file_;
  std::vector<std::string> entries_;
  std::vector<std::string> problems_;
};

}  // namespace vmfleet::cli
