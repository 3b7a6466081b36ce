// How our C++ functions hand an exception on: as its message, in memory that the caller frees; nothing where there is none.

#pragma once

#include <cstring>
#include <exception>

template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an exception without a message");
  }
}
