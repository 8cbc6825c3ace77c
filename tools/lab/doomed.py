"""The platform's handlers that make things outside the database's rows, able to die at their crash points.

They run in processes of their own, which import them by name: there the crash points are armed first.
"""

from collections.abc import Mapping
from dataclasses import replace

from core.registry import Handler, HandlerDefinition
from core.task_models.raster_cog import CreateCogParameters, ProcessRasterResult
from core.task_models.vector import (
    ChunkResult,
    FinishVectorParameters,
    IngestVectorParameters,
    LoadChunkParameters,
    PreparedVector,
)
from core.task_models.vector_tables import IngestVectorResult
from services.context import TaskContext
from services.raster.create_cog import create_cog
from services.vector.finish import finish
from services.vector.load import load_chunk
from services.vector.prepare import prepare
from tools.lab.crashes import arm_child
from tools.lab.settings import LabSettings


def doomed_create_cog(parameters: CreateCogParameters, context: TaskContext) -> ProcessRasterResult:
    """See `create_cog`."""
    arm_child(LabSettings())
    return create_cog(parameters, context)


def doomed_prepare(parameters: IngestVectorParameters, context: TaskContext) -> PreparedVector:
    """See `services.vector.prepare.prepare`."""
    arm_child(LabSettings())
    return prepare(parameters, context)


def doomed_load_chunk(parameters: LoadChunkParameters, context: TaskContext) -> ChunkResult:
    """See `services.vector.load.load_chunk`."""
    arm_child(LabSettings())
    return load_chunk(parameters, context)


def doomed_finish(parameters: FinishVectorParameters, context: TaskContext) -> IngestVectorResult:
    """See `services.vector.finish.finish`."""
    arm_child(LabSettings())
    return finish(parameters, context)


def doomed(handlers: Mapping[str, HandlerDefinition]) -> dict[str, HandlerDefinition]:
    """The handlers, with those that can die in the place of the others."""
    mortal: dict[str, Handler] = {
        "create_cog": doomed_create_cog,
        "process_vector_prepare": doomed_prepare,
        "process_vector_upload": doomed_load_chunk,
        "process_vector_finish": doomed_finish,
    }
    return {
        **handlers,
        **{name: replace(handlers[name], function=function) for name, function in mortal.items()},
    }
