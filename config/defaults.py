"""The defaults of every setting that operators may change, in one place."""

VERSION = "0.1.0"


class AppModeDefaults:
    """Which app this is."""

    MODE = "standalone"
    APP_NAME = "rmhazuregeoapi"


class QueueDefaults:
    """Names of the Service Bus queues (`sql/queues.json` defines them)."""

    JOBS_QUEUE = "geospatial-jobs"
    RASTER_TASKS_QUEUE = "raster-tasks"
    VECTOR_TASKS_QUEUE = "vector-tasks"
    LEGACY_TASKS_QUEUE = "geospatial-tasks"


class EngineDefaults:
    """CoreMachine: times in seconds.

    A lease is renewed every third of its length, so a worker is taken for dead after three missed
    renewals. The silences are how long the janitor waits before it takes a message for lost.
    Schedules are NCRONTAB with seconds first. What a failed job has made is kept for a day. At least
    `LEAST_WINDOW` tasks may be out on a queue, and twice as many as its living listeners have slots. For
    `FOLLOW_ON_SECONDS` the worker of a message goes on with what waits behind it, and others have to wait.
    """

    LEASE_SECONDS = 20.0
    MAX_ATTEMPTS = 3
    RETRY_BASE_SECONDS = 5.0
    RETRY_CAP_SECONDS = 300.0
    FINALIZE_ATTEMPTS = 3
    LEAST_WINDOW = 32
    FOLLOW_ON_SECONDS = 0.25
    SLOTS = 16
    TASK_SILENCE_SECONDS = 20.0
    JOB_SILENCE_SECONDS = 20.0
    SWEEP_SCHEDULE = "*/5 * * * * *"
    JANITOR_SCHEDULE = "*/5 * * * * *"
    KEEP_FAILED_SECONDS = 86_400.0


class DatabaseDefaults:
    """Connections per process, and how long to wait for one (seconds)."""

    POOL_MIN = 1
    POOL_MAX = 16
    CONNECT_SECONDS = 2.5


class StorageDefaults:
    """Blob containers by zone."""

    BRONZE = "bronze"
    SILVER = "silver"


class PlatformDefaults:
    """What a revision leaves behind is kept for an hour after it was replaced."""

    RETIRED_GRACE_SECONDS = 3600.0


class RasterDefaults:
    """A raster of up to `LARGE_BYTES` of pixels is one COG; a collection has at most ten thousand files."""

    LARGE_BYTES = 2 * 2**30
    COLLECTION_MAX_FILES = 10_000
