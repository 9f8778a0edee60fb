"""The sections of the report: functions from `ReportContext` to `Section`, listed in `page.SECTIONS`."""
