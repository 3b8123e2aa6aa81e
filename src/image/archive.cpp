// SPDX-License-Identifier: MIT
// libarchive's failures as Errors, and reading an entry whole.
#include <image/archive.hpp>

namespace vmfleet::image {

Error archive_error(archive* handle, ErrorKind kind, std::string_view doing) {
  const char* said = ::archive_error_string(handle);
  return Error(kind, std::string(doing) + ": " + (said ? said : "unknown archive error"));
}

std::string read_rest(archive* handle, std::size_t limit, std::string_view doing) {
  constexpr std::size_t kStep = 1 << 20;
  std::string data;
  for (;;) {
    const std::size_t had = data.size();
    data.resize(had + kStep);
    const auto count = ::archive_read_data(handle, data.data() + had, kStep);
    if (count < 0) throw archive_error(handle, ErrorKind::corrupt, doing);
    data.resize(had + static_cast<std::size_t>(count));
    if (count == 0) return data;
    if (data.size() > limit) {
      throw Error(ErrorKind::corrupt, std::string(doing) + ": unpacks to more than " +
                                          std::to_string(limit) + " bytes");
    }
  }
}

}  // namespace vmfleet::image
